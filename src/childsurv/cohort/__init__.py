"""The children followed: the cohort, its windows, and the door from any table to arrays of follow-up."""
