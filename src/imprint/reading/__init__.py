"""Files that others wrote, each kind read by one reader in bounded time and memory."""
