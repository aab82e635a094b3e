"""Random events of the families of rules; each draws only where its family is on."""
