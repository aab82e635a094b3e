"""Plain data in and out: amounts, names, files, shapes, schemas and request lines."""
