"""The four analyses, one folder each: methods, study steps, page, commands."""
