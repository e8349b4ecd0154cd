"""What the site has that Markdown files alone have not."""
