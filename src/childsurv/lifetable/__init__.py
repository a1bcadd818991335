"""Population mortality: the LifeTable, its look-up, and one reader for each published format."""
