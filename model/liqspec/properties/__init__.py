"""What must hold: named properties, judged on what an observer of a venue can see, by a naive checker of their own."""
