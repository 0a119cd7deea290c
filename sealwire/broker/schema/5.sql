-- What an operator has set for one account instead of what everybody has; names are those of the settings.
CREATE TABLE account_limit (
    account TEXT NOT NULL,
    name    TEXT NOT NULL,
    value   REAL NOT NULL,
    PRIMARY KEY (account, name)
) STRICT, WITHOUT ROWID;
