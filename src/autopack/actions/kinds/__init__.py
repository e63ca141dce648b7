"""One module for each kind of action; each exports `KIND` and knows nothing of the others."""
