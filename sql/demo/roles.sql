-- The demo's roles: the owner of the schema (who applies keyward, no superuser), the UI, two API versions, the gateway.
CREATE ROLE app_owner LOGIN CREATEROLE;
CREATE ROLE app_ui LOGIN;
CREATE ROLE api_v1 LOGIN;
CREATE ROLE api_v2 LOGIN;
CREATE ROLE api_gateway LOGIN;
CREATE DATABASE demo OWNER app_owner;
