-- The roles of the measured application: the UI, the API and its old version, what authenticates their requests; and its database.
CREATE ROLE app_owner LOGIN CREATEROLE;
CREATE ROLE app_ui LOGIN;
CREATE ROLE api_v1 LOGIN;
CREATE ROLE api_v2 LOGIN;
CREATE ROLE api_gateway LOGIN;
CREATE DATABASE plain OWNER app_owner;
