"""Recall from the ledgers under token caps, with every decision recorded."""
