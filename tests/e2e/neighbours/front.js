// Stands at the port and calls through the binding that the path names: /via/NAME/… of it. All else
// goes through OPEN, which says nothing of the caller.

export default {
  fetch(request, env) {
    const url = new URL(request.url);
    const [, via, name, ...rest] = url.pathname.split("/");
    if (via !== "via") return env.OPEN.fetch(request);
    url.pathname = `/${rest.join("/")}`;
    return env[name].fetch(new Request(url, request));
  },
};
