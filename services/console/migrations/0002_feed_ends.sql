-- What is older than CONSOLE_FEED_DAYS goes out of the feed, a little with every batch that comes in.
grant delete on feed to fenlu_service;
