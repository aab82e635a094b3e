"""What must hold: named properties, judged on what an observer of a venue can see, by a separate naive checker."""
