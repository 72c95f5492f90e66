//! Which component answers a path: exact routes, `/:name` segments and a trailing `/...`, the most specific one wins.

use std::cmp::Ordering;

#[derive(Default)]
pub(crate) struct Routes(Vec<Route>);

pub(crate) struct Route {
    /// The route as the manifest writes it.
    pub(crate) raw: String,
    pub(crate) component: usize,
    segments: Vec<String>,
    wildcard: bool,
}

impl Routes {
    pub(crate) fn add(&mut self, raw: &str, component: usize) -> Result<(), String> {
        let path = raw
            .strip_prefix('/')
            .ok_or_else(|| format!("route `{raw}` does not begin with a slash"))?;
        let (path, wildcard) = match path.strip_suffix("...") {
            Some(rest) if rest.is_empty() || rest.ends_with('/') => (rest, true),
            Some(_) => return Err(format!("route `{raw}`: `...` must be a segment of its own")),
            None => (path, false),
        };
        let segments: Vec<String> = segments(path).map(str::to_owned).collect();
        if segments.iter().any(|s| s.contains("...") || s == ":") {
            return Err(format!("route `{raw}` is not understood"));
        }
        if let Some(twin) = self
            .0
            .iter()
            .find(|r| r.wildcard == wildcard && r.shape().eq(segments.iter().map(|s| shape(s))))
        {
            return Err(format!("routes `{}` and `{raw}` are the same", twin.raw));
        }
        self.0.push(Route {
            raw: raw.to_owned(),
            component,
            segments,
            wildcard,
        });
        Ok(())
    }

    pub(crate) fn find(&self, path: &str) -> Option<&Route> {
        self.0
            .iter()
            .filter(|route| route.matches(path))
            .max_by(|a, b| a.compare(b))
    }
}

impl Route {
    /// What is left of `path` behind the route's wildcard: the header `spin-path-info`.
    pub(crate) fn path_info(&self, path: &str) -> String {
        if !self.wildcard {
            return String::new();
        }
        segments(path)
            .skip(self.segments.len())
            .fold(String::new(), |rest, segment| rest + "/" + segment)
    }

    fn matches(&self, path: &str) -> bool {
        let mut rest = segments(path);
        let fixed = self
            .segments
            .iter()
            .all(|want| rest.next().is_some_and(|have| want.starts_with(':') || want == have));
        fixed && (self.wildcard || rest.next().is_none())
    }

    /// Literal segments beat named ones, from the left; then the longer route and the one without a wildcard win.
    fn compare(&self, other: &Self) -> Ordering {
        let literals = |route: &Self| route.segments.iter().map(|s| !s.starts_with(':')).collect::<Vec<_>>();
        literals(self)
            .cmp(&literals(other))
            .then(other.wildcard.cmp(&self.wildcard))
    }

    fn shape(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().map(|segment| shape(segment))
    }
}

fn shape(segment: &str) -> &str {
    if segment.starts_with(':') { ":" } else { segment }
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|segment| !segment.is_empty())
}

#[cfg(test)]
mod tests {
    use super::Routes;

    #[test]
    fn the_most_specific_route_wins() {
        let mut routes = Routes::default();
        for (component, route) in ["/...", "/api/...", "/api/:id", "/api/health", "/api/:id/files/...", "/"]
            .iter()
            .enumerate()
        {
            routes.add(route, component).unwrap();
        }
        let found = |path: &str| {
            routes
                .find(path)
                .map(|route| (route.raw.as_str(), route.path_info(path)))
        };
        assert_eq!(found("/"), Some(("/", String::new())));
        assert_eq!(found("/other/page"), Some(("/...", "/other/page".into())));
        assert_eq!(found("/api"), Some(("/api/...", String::new())));
        assert_eq!(found("/api/health"), Some(("/api/health", String::new())));
        assert_eq!(found("/api/7"), Some(("/api/:id", String::new())));
        assert_eq!(found("/api/7/files/a/b"), Some(("/api/:id/files/...", "/a/b".into())));
        assert_eq!(found("/api/7/other"), Some(("/api/...", "/7/other".into())));
    }

    #[test]
    fn what_cannot_be_a_route_is_refused() {
        let mut routes = Routes::default();
        routes.add("/a/:x", 0).unwrap();
        for route in ["a", "/a/:y", "/a...", "/.../b"] {
            assert!(routes.add(route, 1).is_err(), "{route}");
        }
    }
}
