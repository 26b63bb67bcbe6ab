/** Put in by the build. */
declare const VERSION: string
declare const PARTS: Record<string, [hash: string, integrity: string]>
/** Put around the script by the collector, where it is not pinned: [consent mode, cookie domain, prompt version] by key. */
declare const ffSites: Record<string, [string?, string?, string?]>
