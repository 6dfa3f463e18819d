"""The doors: provider callbacks, tracked links, health and the app that holds them."""
