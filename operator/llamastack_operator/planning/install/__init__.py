"""What has to be installed for a run config, in which layers, and under which key a build of that is found again."""
