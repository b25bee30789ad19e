"""An hour of Finnhub's moods in minutes, under the real app, judged by its history."""
