// Stands for Workers KV: always empty, so that a token comes from its Keeper.
export default {
  fetch: (request) => new Response(null, { status: request.method === "GET" ? 404 : 200 }),
};
