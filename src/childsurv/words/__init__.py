"""What is said to people: texts in every language, and how numbers are written."""
