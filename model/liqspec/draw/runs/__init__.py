"""Pictures of a run: a timeline, the path through the lifecycle, and a page to step through, all from its recording."""
