"""A job of a CI system, in words that fit every platform, and what each platform makes of them."""
