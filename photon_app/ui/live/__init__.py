"""Python components over one small JavaScript client: the parts that move."""
