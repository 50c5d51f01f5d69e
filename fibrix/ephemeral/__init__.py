"""What runs on a machine: the builders of the ephemeral OS and of images, the agent, the machine scripts."""
