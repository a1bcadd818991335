"""The words of the library in every language, and how numbers are written."""
