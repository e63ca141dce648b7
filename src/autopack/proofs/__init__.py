"""What was done and how it was verified, as attestations over git trees."""
