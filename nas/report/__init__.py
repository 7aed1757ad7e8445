"""Results to tables, figures, pages and folders, and those folders back; networks to pictures."""
