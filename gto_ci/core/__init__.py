"""What a registry is: names, versions, events, their fold, changes, errors. Pure: no files, no processes, no clock."""
