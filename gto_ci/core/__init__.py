"""The registry's logic: names, versions, events, state, changes, policy, errors. No files, processes or clock."""
