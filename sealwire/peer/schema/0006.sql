-- Which message was the last when a day of the age clock began: what "older than so many days" means.
CREATE TABLE day (day INTEGER PRIMARY KEY, row INTEGER NOT NULL);
