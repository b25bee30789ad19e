"""The live parts of the page: Reflex components over one small JavaScript client."""
