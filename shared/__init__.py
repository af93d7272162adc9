"""The kernel that every service stands on. It knows no service and no business word except events and money."""
