"""Functions of `import nas` that write results, as the commands of the same work do."""
