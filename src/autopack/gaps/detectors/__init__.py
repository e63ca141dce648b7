"""One module for each gap type; each exports `DETECTOR` and knows nothing of the others."""
