"""A gap report in the words of its readers: people, terminals, editors and CI servers. Nothing here looks or writes."""
