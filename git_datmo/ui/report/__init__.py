"""Reports as pages and as Markdown."""
