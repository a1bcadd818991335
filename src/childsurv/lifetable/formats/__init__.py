"""Published life tables, one module a format."""
