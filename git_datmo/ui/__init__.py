"""Values turned into text: tables, csv, JSON, diffs, progress. Reads nothing, decides nothing."""
