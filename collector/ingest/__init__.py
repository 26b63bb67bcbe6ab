"""From a call that has arrived to events that are on disk: admission, acceptance and the writer."""
