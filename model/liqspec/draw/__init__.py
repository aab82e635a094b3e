"""Drawing: the specification as diagrams in several formats, and runs as timelines, paths and pages."""
