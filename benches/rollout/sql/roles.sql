-- The roles of the measured application, and its database.
CREATE ROLE app_owner LOGIN CREATEROLE;
CREATE ROLE app_ui LOGIN;
CREATE ROLE api_v1 LOGIN;
CREATE DATABASE shop OWNER app_owner;
