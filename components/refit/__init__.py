"""The Refit, which computes a blessed model or its counts anew from the whole log."""
