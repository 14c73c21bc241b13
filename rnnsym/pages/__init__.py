"""The site: pages written by templates, built by MkDocs."""
