"""Result folders: write them and read them back."""
