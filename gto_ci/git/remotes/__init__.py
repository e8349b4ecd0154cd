"""Other repositories, over any transport: reading their refs and objects, and pushing to them."""
