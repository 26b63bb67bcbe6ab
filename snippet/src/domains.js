/**
 * Whether an address lies on another of the site's own domains, as `data-handover` names them.
 *
 * @param {{handover?: string}} config @param {{host: string, hostname: string}} to @param {{host: string}} from
 */
export function isSecondDomain({ handover = '' }, { host, hostname }, from) {
  const hosts = handover.split(/[\s,]+/)
  return host != from.host && (hosts.includes(host) || hosts.includes(hostname))
}
