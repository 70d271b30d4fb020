-- What the profile streaming holds: a small bank for web portals. Run once, as the
-- owner of the database.

CREATE EXTENSION IF NOT EXISTS "uuid-ossp";
CREATE EXTENSION IF NOT EXISTS pgcrypto;

-- --- reference ----------------------------------------------------------------

CREATE TABLE currencies (
    code        char(3) PRIMARY KEY CHECK (code ~ '^[A-Z]{3}$'),
    name        text NOT NULL UNIQUE,
    minor_units smallint NOT NULL DEFAULT 2 CHECK (minor_units BETWEEN 0 AND 4)
);

CREATE TABLE countries (
    code     char(2) PRIMARY KEY CHECK (code ~ '^[A-Z]{2}$'),
    name     text NOT NULL UNIQUE,
    currency char(3) NOT NULL REFERENCES currencies ON DELETE RESTRICT
);

CREATE TABLE account_types (
    id              smallint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name            text NOT NULL UNIQUE,
    bears_interest  boolean NOT NULL DEFAULT false,
    overdraft_limit numeric(14, 2) NOT NULL DEFAULT 0 CHECK (overdraft_limit >= 0)
);

INSERT INTO currencies (code, name, minor_units) VALUES
    ('EUR', 'Euro', 2), ('USD', 'US dollar', 2), ('KES', 'Kenyan shilling', 2), ('XOF', 'CFA franc BCEAO', 0),
    ('INR', 'Indian rupee', 2), ('PEN', 'Sol', 2), ('JPY', 'Yen', 0), ('TND', 'Tunisian dinar', 3);

INSERT INTO countries (code, name, currency) VALUES
    ('DE', 'Germany', 'EUR'), ('US', 'United States', 'USD'), ('KE', 'Kenya', 'KES'), ('SN', 'Senegal', 'XOF'),
    ('IN', 'India', 'INR'), ('PE', 'Peru', 'PEN'), ('JP', 'Japan', 'JPY'), ('TN', 'Tunisia', 'TND');

INSERT INTO account_types (name, bears_interest, overdraft_limit) VALUES
    ('current', false, 500), ('savings', true, 0), ('loan', true, 0), ('settlement', false, 1000000);

-- --- portals and who may use them -----------------------------------------------

CREATE TABLE portals (
    id         uuid PRIMARY KEY DEFAULT uuid_generate_v4(),
    slug       text NOT NULL UNIQUE CHECK (slug ~ '^[a-z0-9-]+$'),
    title      text NOT NULL,
    country    char(2) NOT NULL REFERENCES countries ON DELETE RESTRICT,
    settings   jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(settings) = 'object'),
    is_open    boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE user_groups (
    id         uuid PRIMARY KEY DEFAULT uuid_generate_v4(),
    portal_id  uuid NOT NULL REFERENCES portals ON DELETE CASCADE,
    name       text NOT NULL,
    rights     text[] NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (portal_id, name)
);

-- --- customers and their money ----------------------------------------------------

CREATE TABLE customers (
    id         uuid PRIMARY KEY DEFAULT uuid_generate_v4(),
    number     bigint GENERATED ALWAYS AS IDENTITY (START WITH 100001) UNIQUE,
    group_id   uuid NOT NULL REFERENCES user_groups ON DELETE RESTRICT,
    name       text NOT NULL,
    country    char(2) NOT NULL REFERENCES countries ON DELETE RESTRICT,
    pin_hash   text NOT NULL,
    profile    jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX customers_by_group ON customers (group_id);
CREATE INDEX customers_by_profile ON customers USING gin (profile jsonb_path_ops);

CREATE TABLE accounts (
    id              uuid PRIMARY KEY DEFAULT uuid_generate_v4(),
    customer_id     uuid NOT NULL REFERENCES customers ON DELETE CASCADE,
    account_type_id smallint NOT NULL REFERENCES account_types ON DELETE RESTRICT,
    currency        char(3) NOT NULL REFERENCES currencies ON DELETE RESTRICT,
    balance         numeric(16, 3) NOT NULL DEFAULT 0,
    status          text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'frozen', 'closed')),
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX accounts_by_customer ON accounts (customer_id);

-- An account that has ever moved money is closed, never deleted.
CREATE TABLE transactions (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id uuid NOT NULL REFERENCES accounts ON DELETE RESTRICT,
    amount     numeric(16, 3) NOT NULL CHECK (amount <> 0),
    purpose    text NOT NULL DEFAULT '',
    details    jsonb NOT NULL DEFAULT '{}',
    booked_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX transactions_by_account ON transactions (account_id, booked_at DESC);

CREATE TABLE audit_logs (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    happened_at timestamptz NOT NULL DEFAULT now(),
    relation    text NOT NULL,
    operation   text NOT NULL CHECK (operation IN ('INSERT', 'UPDATE', 'DELETE')),
    row_id      uuid NOT NULL,
    changed_by  text NOT NULL DEFAULT current_user,
    change      jsonb NOT NULL
);
CREATE INDEX audit_logs_by_time ON audit_logs USING brin (happened_at);

-- --- triggers -----------------------------------------------------------------------

CREATE FUNCTION touch_updated_at() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at := clock_timestamp();
    RETURN NEW;
END $$;

CREATE FUNCTION keep_audit_log() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    before jsonb := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) - 'pin_hash' END;
    after  jsonb := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) - 'pin_hash' END;
BEGIN
    INSERT INTO audit_logs (relation, operation, row_id, change)
    VALUES (TG_TABLE_NAME, TG_OP, (coalesce(after, before) ->> 'id')::uuid,
            jsonb_build_object('before', before, 'after', after));
    RETURN NULL;
END $$;

CREATE FUNCTION book_transaction() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE accounts a SET balance = balance + NEW.amount
      FROM account_types t
     WHERE a.id = NEW.account_id AND t.id = a.account_type_id AND a.status = 'open'
       AND a.balance + NEW.amount >= -t.overdraft_limit;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'account % is not open or would be overdrawn', NEW.account_id USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

DO $$
DECLARE
    relation text;
BEGIN
    FOREACH relation IN ARRAY ARRAY['portals', 'user_groups', 'customers', 'accounts'] LOOP
        EXECUTE format('CREATE TRIGGER touch BEFORE UPDATE ON %I FOR EACH ROW EXECUTE FUNCTION touch_updated_at()', relation);
    END LOOP;
    FOREACH relation IN ARRAY ARRAY['portals', 'user_groups', 'customers'] LOOP
        EXECUTE format('CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON %I FOR EACH ROW EXECUTE FUNCTION keep_audit_log()',
                       relation);
    END LOOP;
END $$;
CREATE TRIGGER book BEFORE INSERT ON transactions FOR EACH ROW EXECUTE FUNCTION book_transaction();

-- --- views --------------------------------------------------------------------------

CREATE VIEW open_portals AS
    SELECT p.slug, p.title, c.name AS country, count(DISTINCT u.id) AS customers
      FROM portals p
      JOIN countries c ON c.code = p.country
      LEFT JOIN user_groups g ON g.portal_id = p.id
      LEFT JOIN customers u ON u.group_id = g.id
     WHERE p.is_open
     GROUP BY p.slug, p.title, c.name;

CREATE VIEW account_statements AS
    SELECT u.number, u.name, a.id AS account_id, y.name AS account_type, a.currency,
           round(t.amount, m.minor_units) AS amount, t.purpose, t.booked_at,
           round(sum(t.amount) OVER (PARTITION BY a.id ORDER BY t.id), m.minor_units) AS balance_after
      FROM transactions t
      JOIN accounts a ON a.id = t.account_id
      JOIN account_types y ON y.id = a.account_type_id
      JOIN currencies m ON m.code = a.currency
      JOIN customers u ON u.id = a.customer_id;

CREATE VIEW balances_by_currency AS
    SELECT currency, count(*) AS accounts, sum(balance) AS balance, max(updated_at) AS moved_at
      FROM accounts WHERE status <> 'closed' GROUP BY currency;

-- --- some business --------------------------------------------------------------------

INSERT INTO portals (slug, title, country, settings) VALUES
    ('harbour', 'Harbour Savings', 'KE', '{"languages": ["en", "sw"], "limits": {"daily": 2500}}'),
    ('meadow', 'Meadow Cooperative Bank', 'DE', '{"languages": ["de", "en"], "limits": {"daily": 10000}}');

INSERT INTO user_groups (portal_id, name, rights)
    SELECT id, g.name, g.rights FROM portals,
           (VALUES ('members', ARRAY['read', 'transfer']), ('merchants', ARRAY['read', 'transfer', 'collect']),
                   ('auditors', ARRAY['read'])) AS g (name, rights);

INSERT INTO customers (group_id, name, country, pin_hash, profile)
    SELECT g.id, initcap(p.slug) || ' ' || rtrim(g.name, 's') || ' ' || n, p.country,
           crypt(lpad(n::text, 4, '0'), gen_salt('bf', 4)),
           jsonb_build_object('segment', CASE n % 3 WHEN 0 THEN 'gold' ELSE 'basic' END, 'notices', ARRAY['mail'])
      FROM user_groups g JOIN portals p ON p.id = g.portal_id, generate_series(1, 10) n
     WHERE g.name <> 'auditors';

INSERT INTO accounts (customer_id, account_type_id, currency)
    SELECT u.id, t.id, c.currency FROM customers u JOIN countries c ON c.code = u.country, account_types t
     WHERE t.name IN ('current', 'savings');

INSERT INTO transactions (account_id, amount, purpose, details)
    SELECT a.id, 25 * n, 'opening deposit', jsonb_build_object('channel', 'branch', 'step', n)
      FROM accounts a, generate_series(1, 5) n;
