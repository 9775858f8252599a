module.exports = {
  pasarela: {
    input: "openapi.yaml",
    output: { target: "pasarela.ts", client: "fetch", headers: true, override: { mutator: { path: "pide.ts", name: "pide" } } },
  },
};
