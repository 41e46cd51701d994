"""All talk with the API server: client, informers, server-side apply, events. Nothing here decides anything."""
