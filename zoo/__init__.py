"""The presets: one folder each, and their files."""
