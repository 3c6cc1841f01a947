// Two authorization servers of npm `oidc-provider`, for the suite `oidc`: nobody here wrote how they
// issue, rotate, refuse and revoke. Here is how they are set up, and a side door (`/control/…`) by
// which the suite sees what they were asked and makes what they have issued grow old.
//
// The first offers every way of proving who a client is. The second offers HTTP Basic and nothing
// else, and its metadata is only at OpenID Connect's address.

import { createPublicKey } from "node:crypto";
import { readFileSync } from "node:fs";
import https from "node:https";
import Provider from "oidc-provider";

const setup = JSON.parse(process.env.OIDC_SETUP);

// What a code brings lives a little longer than the margin at which a token counts as old (120 s), so
// that it is old some seconds later. What a refresh brings lives an hour.
const FIRST_SECONDS = 122;
const LATER_SECONDS = 3600;

const tls = { cert: readFileSync(setup.certificate), key: readFileSync(setup.key) };

/** A client as the library registers it: of one that signs, the public key and no secret. */
function registered({ private_key, client_secret, ...client }) {
  if (!private_key) return { client_secret, ...client };
  const key = createPublicKey(private_key).export({ format: "jwk" });
  return { ...client, jwks: { keys: [{ ...key, use: "sig" }] } };
}

/** How a request says who the client is: the library takes a secret from either place. */
function proofIn(ctx) {
  if (ctx.headers.authorization) return "client_secret_basic";
  if (ctx.oidc.params?.client_secret) return "client_secret_post";
  return ctx.oidc.params?.client_assertion ? "private_key_jwt" : "none";
}

/** A server at `port`, with the methods by which clients prove who they are. */
function start(port, clientAuthMethods, clients, hidden) {
  const issuer = `https://localhost:${port}`;
  const requests = [];
  const accessTokens = [];
  const refreshTokens = [];
  const known = clients
    .filter((client) => clientAuthMethods.includes(client.token_endpoint_auth_method))
    .map(registered);
  const provider = new Provider(issuer, {
    clients: known,
    clientAuthMethods,
    scopes: ["openid", "offline_access", setup.scope],
    cookies: { keys: ["for these tests"] },
    features: {
      devInteractions: { enabled: true },
      introspection: { enabled: true, allowedPolicy: (ctx, client) => client.clientId === "mail-server" },
      revocation: { enabled: true },
      clientCredentials: { enabled: true },
    },
    // It is the default for public clients: here every refresh token is good once, and whoever brings
    // it a second time ends the grant.
    rotateRefreshToken: true,
    ttl: {
      AccessToken: (ctx) =>
        ctx.oidc.params?.grant_type === "refresh_token" ? LATER_SECONDS : FIRST_SECONDS,
    },
    pkce: { required: () => true },
    renderError: (ctx, out) => {
      ctx.type = "text";
      ctx.body = JSON.stringify(out);
    },
  });
  const note = (outcome) => (ctx, error) =>
    requests.push({
      client: ctx.oidc.client?.clientId,
      proof: proofIn(ctx),
      grant_type: ctx.oidc.params?.grant_type,
      account: ctx.oidc.entities.Account?.accountId,
      outcome: error?.error ?? outcome,
      detail: error?.error_detail,
    });
  provider.on("grant.success", note("issued"));
  provider.on("grant.error", note("refused"));
  provider.on("access_token.saved", (token) => accessTokens.push(token));
  provider.on("refresh_token.saved", (token) => refreshTokens.push(token));
  provider.on("server_error", (ctx, error) => console.error(error));

  const of = (list, account) => list.filter((token) => token.accountId === account);
  /** The side door. */
  async function control(url) {
    const account = url.searchParams.get("account");
    switch (url.pathname) {
      case "/control/requests":
        return requests;
      case "/control/tokens":
        return {
          access: of(accessTokens, account).map((token) => token.jti),
          refresh: of(refreshTokens, account).map((token) => token.jti),
        };
      // Ends what the mail server takes, and lets what refreshes it live.
      case "/control/end-access-tokens": {
        const ended = of(accessTokens, account);
        await Promise.all(ended.map((token) => token.destroy()));
        return { ended: ended.length };
      }
      default:
        return { error: "no such door" };
    }
  }

  const callback = provider.callback();
  const server = https.createServer(tls, async (request, response) => {
    const url = new URL(request.url, issuer);
    if (url.pathname.startsWith("/control/")) {
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify(await control(url)));
    } else if (hidden.includes(url.pathname)) {
      response.statusCode = 404;
      response.end();
    } else {
      callback(request, response);
    }
  });
  return new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
}

const mailServer = {
  client_id: "mail-server",
  client_secret: setup.mailServerSecret,
  redirect_uris: [],
  response_types: [],
  grant_types: [],
  token_endpoint_auth_method: "client_secret_basic",
};

await start(
  setup.ports[0],
  ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"],
  [...setup.clients, mailServer],
  [],
);
await start(
  setup.ports[1],
  ["client_secret_basic"],
  [...setup.clients, mailServer],
  ["/.well-known/oauth-authorization-server"],
);
console.log("ready");
